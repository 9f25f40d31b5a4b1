"""voicepipe beside Pipecat and LiveKit Agents: the same clip, mocks, text and definitions, interleaved."""

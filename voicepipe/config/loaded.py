"""A pipeline file as the loader hands it on: checked, and with the places of everything in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.cost import CostConfig
from voicepipe.config.interpolate import Environment
from voicepipe.config.layers import Dropped
from voicepipe.config.models import AgentConfig, PipelineFile
from voicepipe.config.registry import is_own_code
from voicepipe.config.slots import Slot
from voicepipe.config.tool_models import McpTool, PythonTool
from voicepipe.core.nodes import Node, Place


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline file under one profile, checked.

    ``top`` is what stands outside of the stages; ``tests`` those of the file, with their places.
    ``tree`` is what the layers came to, each value with its place; ``dropped`` what they did away with,
    ``displaced`` being those of them that are whole slots whose ports another one has taken.
    ``environment`` holds the variables a provider may read, and masks those that the file used.
    ``cheaper`` are the profiles with whose providers a call goes on at its budget's limit, by name.
    """

    path: Path
    name: str
    profile: str | None
    profiles: tuple[str, ...]
    top: PipelineFile
    slots: tuple[Slot, ...]
    tests: tuple[LocatedTest, ...]
    tree: Node
    dropped: tuple[Dropped, ...]
    displaced: tuple[Dropped, ...]
    environment: Environment
    cheaper: Mapping[str, LoadedPipeline] = field(default_factory=dict)

    @property
    def agent(self) -> AgentConfig:
        return self.top.agent

    @property
    def cost(self) -> CostConfig:
        return self.top.cost

    @property
    def tool_results(self) -> Mapping[str, Any]:
        return self.top.tool_results

    def rehearsed(self) -> LoadedPipeline:
        """The same for calls of tests and comparisons, of which nothing is kept, watched, served or sent."""
        return replace(self, top=self.top.rehearsed())

    @property
    def folder(self) -> Path:
        """Where the file lies."""
        return self.path.parent.resolve()

    @property
    def own_code(self) -> list[str]:
        """The code that this pipeline runs: tools, commands of MCP servers, providers."""
        tools = [tool.python for tool in self.agent.tools if isinstance(tool, PythonTool)]
        servers = [tool.mcp.command for tool in self.agent.tools if isinstance(tool, McpTool)]
        commands = [" ".join(map(self.environment.mask, command)) for command in servers if command]
        uses = [filling.use for slot in self.slots for filling in slot.fillings]
        return tools + commands + [use for use in uses if is_own_code(use)]

    @property
    def tool_places(self) -> list[Place]:
        """Where each of ``agent.tools`` stands."""
        return [self.tree.place_of(("agent", "tools", index)) for index in range(len(self.agent.tools))]

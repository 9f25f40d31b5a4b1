"""Scripted calls while one stage of the pipeline meets a fault: ``voicepipe chaos``."""

"""MSMPUSHER: what is asked (`gateway`), and what its answers mean (`reply`)."""

from bridge.gateways.msmpusher.gateway import METHODS, MsmpusherGateway, build

__all__ = ["METHODS", "MsmpusherGateway", "build"]

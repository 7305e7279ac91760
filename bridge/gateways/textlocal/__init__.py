"""Textlocal: what is asked (`gateway`), and what its answers mean (`reply`)."""

from bridge.gateways.textlocal.gateway import TextlocalGateway, build

__all__ = ["TextlocalGateway", "build"]

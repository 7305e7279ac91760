"""Any gateway over HTTP that a file describes: what the file says (`file`), what is asked (`gateway`, `template`), and
what answers mean (`rules`)."""

from bridge.gateways.described.description import Description
from bridge.gateways.described.gateway import DescribedGateway, build

__all__ = ["DescribedGateway", "Description", "build"]

"""`make bench`: the numbers of docs/performance.md, measured on this machine, raw loops beside them."""

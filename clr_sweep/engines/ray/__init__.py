"""Jobs on the nodes of a Ray cluster, each in a process of its own as on this machine."""

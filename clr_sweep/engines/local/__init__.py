"""Jobs in processes of this machine."""

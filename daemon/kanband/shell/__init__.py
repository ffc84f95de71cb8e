"""Effects: the loop, sockets, processes, files. It holds no policy."""

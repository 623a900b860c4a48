"""HTTP/1.1 over the client's own connections: a pool, the protocol by h11, and three streams."""

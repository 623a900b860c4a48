"""HTTP/1.1 over connections of our own: a pool, the protocol by h11, and three kinds of streams."""

"""Real peers for the tests: brokers, databases, cameras and browsers on free ports of the loopback address."""

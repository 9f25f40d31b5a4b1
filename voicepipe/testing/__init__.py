"""Peers that speak the other side's protocol on loopback, for tests of pipelines and of providers."""

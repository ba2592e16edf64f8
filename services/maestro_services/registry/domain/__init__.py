"""Instances and their leases, and tokens; knows no gRPC and no database."""

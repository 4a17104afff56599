"""Inference: the server reaches its models through queues across clients and a process of their own."""

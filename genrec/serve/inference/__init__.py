"""How the server reaches the models: queues across clients, a process of their own, deadlines, threads."""

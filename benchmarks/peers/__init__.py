"""Who trains the same autoencoder beside tfvae, each in a process of its own."""

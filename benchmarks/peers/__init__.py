"""The frameworks that train the same autoencoder as tfvae, each in its own process."""

"""Export: from a trained model to files that others read without tfvae (imported as `tfvae.export`)."""

"""Export: writes a trained model to files that can be used without tfvae (imported as `tfvae.export`)."""

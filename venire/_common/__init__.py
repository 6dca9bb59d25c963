"""What every floor needs and that knows nothing of models: hashes, atomic files, errors, kernels."""

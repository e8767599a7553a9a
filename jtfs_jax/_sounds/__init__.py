"""Reading of sound files: identification, length, decoding, resampling and mixing."""

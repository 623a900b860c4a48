"""Files of an output: where they are in it, how links are downloaded, how files are written."""

"""Systems of the literature that fuse content and behavior, a file each; `genrec.fusion` names them."""

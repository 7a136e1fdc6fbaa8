//! What a dataset is: kinds, partitions, schemas, coverage and its proof, and how rows reach the disk.


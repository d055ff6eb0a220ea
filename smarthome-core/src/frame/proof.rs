//! Proof that the accepting pass and the grammar are the same.

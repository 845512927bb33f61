//! File formats: bytes in, bytes out. Whatever the bytes are, the answer is a value or a typed error.

pub mod safetensors;

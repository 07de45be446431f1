/// The configuration of a node: [LatticeConfig], an immutable tree of records with one record for
/// each section of the TOML file, and [ConfigLoader], which makes it out of the file, the environment
/// and the command line or reports every problem at once. `config/lattice.toml` documents all keys.
///
/// Runs on the starting thread before anything else exists; reads the configuration and TLS files,
/// writes nothing and opens no socket. The records may be read from any thread.
@NullMarked
package io.lattice.gateway.config;

import org.jspecify.annotations.NullMarked;

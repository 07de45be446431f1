/// Transport security: the PEM files of a node and what must hold between them, and the certificates
/// that `lattice init --dev` makes. Stateless and safe for any thread; reads and writes only the files
/// it is given, opens no socket and knows nothing of configuration keys.
@NullMarked
package io.lattice.gateway.security;

import org.jspecify.annotations.NullMarked;

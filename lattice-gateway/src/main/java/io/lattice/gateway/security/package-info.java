/// Transport security: the PEM files of a node and what must hold between them, following their changes, what the two ports
/// make of them, who is refused for want of a certificate, and the certificates that `lattice init --dev` makes. Safe for any
/// thread; changes are looked for on a thread of its own. Reads and writes only the files it is given, opens no socket and
/// knows nothing of configuration keys.
@NullMarked
package io.lattice.gateway.security;

import org.jspecify.annotations.NullMarked;

/// The documents of the control plane: reading them, saying everything that is wrong with them, and making a manifest of them.
/// Pure functions; any thread may call them. Knows nothing of where documents come from.
@NullMarked
package io.lattice.cp.document;

import org.jspecify.annotations.NullMarked;

/// How old a manifest may be for what. Values only; any thread may read them.
@NullMarked
package io.lattice.cp.cache;

import org.jspecify.annotations.NullMarked;

/// The differential tests, and the proof that they find what is wrong.
@NullMarked
package io.lattice.it.differential;

import org.jspecify.annotations.NullMarked;

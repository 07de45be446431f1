/// Reads of a view at a revision: Range, RangeStream, read-only transactions, HashKV. Any thread; never touches `apply` but
/// for its vocabulary of answers. A refusal leaves as a [io.lattice.statemachine.apply.RefusalException].
@NullMarked
package io.lattice.statemachine.query;

import org.jspecify.annotations.NullMarked;

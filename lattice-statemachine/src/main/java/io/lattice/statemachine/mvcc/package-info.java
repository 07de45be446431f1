/// Multi-version keys over the store: records, revisions, reads at a revision, the changes of one log entry, compaction.
///
/// [ReadView] is read by any thread, [EntryBatch] and [WriteTxn] belong to the apply thread, [Compactor] has a thread of its
/// own. Nothing here looks at a clock, a random number or the configuration: what is written is a function of the log alone.
@NullMarked
package io.lattice.statemachine.mvcc;

import org.jspecify.annotations.NullMarked;

/// Tells watchers what was applied. The apply thread hands each change to the streams that watch its key and never waits for
/// one of them; a stream that falls behind, or begins in the past, is brought up from the recent changes in memory or from
/// the store's history. Knows nothing of the wire but an event's encoding, and no threads of its own.
@NullMarked
package io.lattice.statemachine.watch;

import org.jspecify.annotations.NullMarked;

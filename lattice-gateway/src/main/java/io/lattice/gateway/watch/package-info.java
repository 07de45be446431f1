/// Watch streams: what a client asks for on a stream, and what it is sent. Each stream belongs to one thread, the event loop
/// of its connection; the apply thread only wakes it. Nothing here waits, and nothing is sent that the transport has no room for.
@NullMarked
package io.lattice.gateway.watch;

import org.jspecify.annotations.NullMarked;

/// What the services and the client port share about the bytes between them: several messages in one write. Event loops run
/// it. Knows no service and no protocol but gRPC's framing.
@NullMarked
package io.lattice.gateway.wire;

import org.jspecify.annotations.NullMarked;

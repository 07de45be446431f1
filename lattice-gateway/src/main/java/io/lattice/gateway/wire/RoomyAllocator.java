package io.lattice.gateway.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;

/// netty's pooled allocator, which gives the first buffer of a packed message the room that the whole of it needs.
public final class RoomyAllocator extends PooledByteBufAllocator {
    private static final int PAGE_BYTES = 8 << 10;

    /// Chunks of 2 MiB, as grpc-java's own allocator has them; netty's default of 4 MiB only adds memory.
    private static final int ORDER_MAX = 8;

    public RoomyAllocator() {
        super(
                true,
                defaultNumHeapArena(),
                defaultNumDirectArena(),
                PAGE_BYTES,
                ORDER_MAX,
                defaultSmallCacheSize(),
                defaultNormalCacheSize(),
                false);
    }

    @Override
    public ByteBuf buffer(int initialCapacity, int maxCapacity) {
        int room = PackedMessages.takeRoom();
        return room > initialCapacity
                ? super.buffer(room, room)
                : super.buffer(initialCapacity, maxCapacity);
    }
}

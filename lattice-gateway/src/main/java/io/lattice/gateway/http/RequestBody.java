package io.lattice.gateway.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/// What has come of a request's body. Belongs to the connection's event loop.
final class RequestBody {
    private static final byte[] EMPTY = {};

    private final ByteBufAllocator allocator;
    private @Nullable ByteBuf bytes;

    RequestBody(ByteBufAllocator allocator) {
        this.allocator = allocator;
    }

    int size() {
        return bytes == null ? 0 : bytes.readableBytes();
    }

    /// Copies what comes: a small piece must not keep the large buffer that it was read into.
    void add(ByteBuf piece) {
        if (!piece.isReadable()) {
            return;
        }
        if (bytes == null) {
            bytes = allocator.buffer(piece.readableBytes());
        }
        bytes.writeBytes(piece);
    }

    /// All of it; it is empty then.
    byte[] take() {
        byte[] all = bytes == null ? EMPTY : ByteBufUtil.getBytes(bytes);
        release();
        return all;
    }

    void release() {
        if (bytes != null) {
            bytes.release();
            bytes = null;
        }
    }

    /// @param max the bytes that are allowed
    static HttpReply tooLarge(int max) {
        return HttpReply.json(
                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                "{\"code\":8,\"message\":\"%s\"}".formatted(tooLargeText(max)));
    }

    static String tooLargeText(int max) {
        return "lattice: request body larger than max (%d bytes)".formatted(max);
    }
}

package io.lattice.gateway.grpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one answer of a unary call, given from any thread, perhaps after the client has gone.
///
/// @param <T> response message
final class Reply<T> {
    private static final Logger LOG = LoggerFactory.getLogger(Reply.class);

    private final StreamObserver<T> observer;

    Reply(StreamObserver<T> observer) {
        this(observer, () -> LOG.trace("a client cancelled its call"));
    }

    /// @param cancelled runs when the client has gone. Without such a handler, answering a cancelled call throws, on a
    ///     thread that has others to answer
    Reply(StreamObserver<T> observer, Runnable cancelled) {
        this.observer = observer;
        ((ServerCallStreamObserver<T>) observer).setOnCancelHandler(cancelled);
    }

    void ok(T response) {
        observer.onNext(response);
        observer.onCompleted();
    }

    void fail(Status status) {
        observer.onError(status.asRuntimeException());
    }

    void fail(StatusRuntimeException failure) {
        observer.onError(failure);
    }

    /// Runs a part of the call whose exceptions are the call's.
    void guard(Runnable part) {
        try {
            part.run();
        } catch (RuntimeException e) {
            fail(ErrorMapper.status(e));
        }
    }
}

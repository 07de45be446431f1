package io.lattice.gateway.watch;

import io.grpc.StatusRuntimeException;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.watch.WatchHub;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/// What a stream needs of its node.
///
/// @param hub where changes come from
/// @param keyspace whose changes
/// @param views the newest view of the store, to be closed; throws if there is none at the moment
/// @param header the header of a response by its revision
/// @param fence tells when everything acknowledged so far is applied here
/// @param history runs what reads from the disk
/// @param limits bounds and times
public record WatchContext(
        WatchHub hub,
        int keyspace,
        Supplier<ReadView> views,
        LongFunction<ResponseHeader> header,
        Fence fence,
        Executor history,
        Limits limits) {
    /// Runs one of the two, on any thread.
    @FunctionalInterface
    public interface Fence {
        void await(Runnable ready, Consumer<StatusRuntimeException> failed);
    }

    /// Bounds and times of streams.
    ///
    /// @param responseBytes a response for a watcher with `fragment` is split when it reaches this
    /// @param watchersPerStream further ones are refused
    /// @param progressInterval a watcher with `progress_notify` gets a notification after about this time without an event;
    ///     up to a tenth longer, so that streams opened together don't send together
    /// @param idleTimeout a stream without a watcher ends after this time; asked whenever a stream is looked at
    public record Limits(
            int responseBytes,
            int watchersPerStream,
            Duration progressInterval,
            Supplier<Duration> idleTimeout) {}
}

package io.lattice.gateway.raft;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.ProtoUtils;
import org.jspecify.annotations.Nullable;

/// Gives a Ratis server one request with log entries at a time in each group; the next when that one is answered.
///
/// Ratis looks at a request under its lock and appends it after, outside of it. Requests that overlap, from one leader
/// that sends again or from two, meet there, and a follower may then confirm what it doesn't have:
///
/// - An entry that is in the log's cache counts as stored before it is synced, so the repetition of a request is confirmed
///   at once.
/// - Entries that a former leader sent may be appended after the new leader's were, and cut them off.
/// - With Ratis' composing of appends, a request that begins where one that is being appended begins is taken for that one,
///   whatever its end and its terms are, and confirmed up to its own end (`ServerImplUtils.NavigableIndices`, Ratis 3.3.0).
///   It is off.
///
/// A snapshot's parts wait until the former snapshot is in force: Ratis would forget one that comes whole before that.
///
/// Heartbeats don't wait. Nothing is lost by taking turns: the leader proposes one entry at a time anyway, and a
/// follower that catches up has the next request at hand. A request that finds too many waiting fails, and the leader
/// sends it again.
final class AppendsInTurn {
    /// More than a leader leaves unanswered, so only repetitions can fill it.
    static final int WAITING_MAX = 32;

    private static final Duration SNAPSHOT_PATIENCE = Duration.ofSeconds(5);
    private static final long SNAPSHOT_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final RaftServer server;
    private final Predicate<RaftGroupId> installing;

    /// What waits in each group that is appending.
    private final Map<RaftGroupId, Queue<Waiting>> busy = new HashMap<>();

    private AppendsInTurn(RaftServer server, Predicate<RaftGroupId> installing) {
        this.server = server;
        this.installing = installing;
    }

    /// The server as the network should see it.
    ///
    /// @param installing whether a group has a snapshot that came whole but isn't in force yet
    static RaftServer before(RaftServer server, Predicate<RaftGroupId> installing) {
        AppendsInTurn turns = new AppendsInTurn(server, installing);
        return (RaftServer)
                Proxy.newProxyInstance(
                        RaftServer.class.getClassLoader(),
                        new Class<?>[] {RaftServer.class},
                        (proxy, method, arguments) ->
                                switch (method.getName()) {
                                    case "appendEntriesAsync" ->
                                            turns.append((AppendEntriesRequestProto) arguments[0]);
                                    case "installSnapshot" ->
                                            turns.install(
                                                    (InstallSnapshotRequestProto) arguments[0]);
                                    default -> invoke(server, method, arguments);
                                });
    }

    private static @Nullable Object invoke(
            RaftServer server, Method method, @Nullable Object[] arguments) throws Throwable {
        try {
            return method.invoke(server, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /// Waits on the caller's thread, as Ratis does while it writes what came.
    private InstallSnapshotReplyProto install(InstallSnapshotRequestProto request)
            throws IOException {
        RaftGroupId group = ProtoUtils.toRaftGroupId(request.getServerRequest().getRaftGroupId());
        long since = System.nanoTime();
        while (installing.test(group)) {
            if (System.nanoTime() - since > SNAPSHOT_PATIENCE.toNanos()) {
                throw new IOException(
                        "the former snapshot of %s isn't in force after %s"
                                .formatted(group, SNAPSHOT_PATIENCE));
            }
            LockSupport.parkNanos(SNAPSHOT_LOOK_NANOS);
        }
        return server.installSnapshot(request);
    }

    private CompletableFuture<AppendEntriesReplyProto> append(AppendEntriesRequestProto request)
            throws IOException {
        if (request.getEntriesCount() == 0) {
            return server.appendEntriesAsync(request);
        }
        RaftGroupId group = ProtoUtils.toRaftGroupId(request.getServerRequest().getRaftGroupId());
        synchronized (busy) {
            Queue<Waiting> waiting = busy.get(group);
            if (waiting != null) {
                if (waiting.size() == WAITING_MAX) {
                    return CompletableFuture.failedFuture(
                            new IOException(
                                    "%d append requests wait for the log of %s already"
                                            .formatted(WAITING_MAX, group)));
                }
                Waiting turn = new Waiting(request, new CompletableFuture<>());
                waiting.add(turn);
                return turn.reply;
            }
            busy.put(group, new ArrayDeque<>());
        }
        return start(group, request);
    }

    /// The reply's future completes after the next request was let in.
    private CompletableFuture<AppendEntriesReplyProto> start(
            RaftGroupId group, AppendEntriesRequestProto request) throws IOException {
        CompletableFuture<AppendEntriesReplyProto> reply;
        try {
            reply = server.appendEntriesAsync(request);
        } catch (IOException | RuntimeException | Error e) {
            next(group);
            throw e;
        }
        return reply.whenComplete((done, failure) -> next(group));
    }

    private void next(RaftGroupId group) {
        Waiting turn;
        synchronized (busy) {
            turn = Objects.requireNonNull(busy.get(group)).poll();
            if (turn == null) {
                busy.remove(group);
                return;
            }
        }
        // Not here: this may be a thread of Ratis' log, and appending may wait for that.
        Thread.ofVirtual().name("append-in-turn").start(() -> take(group, turn));
    }

    private void take(RaftGroupId group, Waiting turn) {
        try {
            var _ =
                    start(group, turn.request)
                            .whenComplete((reply, failure) -> {
                                if (failure == null) {
                                    turn.reply.complete(reply);
                                } else {
                                    turn.reply.completeExceptionally(failure);
                                }
                            });
        } catch (IOException | RuntimeException | Error e) {
            turn.reply.completeExceptionally(e);
        }
    }

    private record Waiting(
            AppendEntriesRequestProto request, CompletableFuture<AppendEntriesReplyProto> reply) {}
}

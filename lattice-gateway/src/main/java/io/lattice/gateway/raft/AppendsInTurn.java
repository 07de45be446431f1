package io.lattice.gateway.raft;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
import org.apache.ratis.server.DivisionInfo;
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
/// A request that changes this node's role or term waits in Ratis for a sync and for the end of the election that this node has under
/// way, which may need answers that come on the thread that brought the request. It is looked at on a thread of its own.
///
/// Heartbeats don't wait for turns. Nothing is lost by taking turns: the leader proposes one entry at a time anyway, and a
/// follower that catches up has the next request at hand. A request that finds too many waiting fails, and the leader
/// sends it again.
final class AppendsInTurn {
    /// More than a leader leaves unanswered, so only repetitions can fill it.
    static final int WAITING_MAX = 32;

    /// Ratis drops what it has to append when it takes up a snapshot or closes a group, and never answers. A disk that takes so long ends
    /// the process.
    static final Duration FORGOTTEN = Watchdog.DISK_HUNG.plusSeconds(5);

    private static final Duration SNAPSHOT_PATIENCE = Duration.ofSeconds(5);
    private static final long SNAPSHOT_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final RaftServer server;
    private final Predicate<RaftGroupId> installing;

    /// What waits in each group that is appending.
    private final Map<RaftGroupId, Turns> busy = new HashMap<>();

    /// The turns of a group, from a request that found it idle on.
    private static final class Turns {
        private final Queue<Waiting> waiting = new ArrayDeque<>();
        private long sinceNanos = System.nanoTime();
    }

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
        RaftGroupId group = ProtoUtils.toRaftGroupId(request.getServerRequest().getRaftGroupId());
        if (request.getEntriesCount() == 0) {
            return appendNow(group, request);
        }
        Turns begun;
        synchronized (busy) {
            Turns turns = busy.get(group);
            if (turns != null && isForgotten(turns)) {
                fail(turns);
                turns = null;
            }
            if (turns != null) {
                if (turns.waiting.size() == WAITING_MAX) {
                    return CompletableFuture.failedFuture(
                            new IOException(
                                    "%d append requests wait for the log of %s already"
                                            .formatted(WAITING_MAX, group)));
                }
                Waiting turn = new Waiting(request, new CompletableFuture<>());
                turns.waiting.add(turn);
                return turn.reply;
            }
            begun = new Turns();
            busy.put(group, begun);
        }
        return start(group, begun, request);
    }

    private CompletableFuture<AppendEntriesReplyProto> appendNow(
            RaftGroupId group, AppendEntriesRequestProto request) throws IOException {
        if (!changesRole(group, request)) {
            return server.appendEntriesAsync(request);
        }
        CompletableFuture<AppendEntriesReplyProto> reply = new CompletableFuture<>();
        Thread.ofVirtual()
                .name("append-to-follow")
                .start(() -> answer(reply, () -> server.appendEntriesAsync(request)));
        return reply;
    }

    /// What a group that isn't ready would refuse is left to the caller's thread: Ratis tells a leader of a heartbeat's failure only
    /// if it is thrown.
    private boolean changesRole(RaftGroupId group, AppendEntriesRequestProto request)
            throws IOException {
        DivisionInfo info = server.getDivision(group).getInfo();
        return info.getLifeCycleState().isRunning()
                && (info.getCurrentTerm() < request.getLeaderTerm()
                        || !(info.isFollower() || info.isListener()));
    }

    private static boolean isForgotten(Turns turns) {
        return System.nanoTime() - turns.sinceNanos > FORGOTTEN.toNanos();
    }

    /// Not on this thread: what follows an answer may come back here.
    private static void fail(Turns turns) {
        IOException forgotten = new IOException("an append before this one was never answered");
        List<Waiting> failed = List.copyOf(turns.waiting);
        Thread.ofVirtual()
                .name("append-in-turn")
                .start(() -> failed.forEach(turn -> turn.reply.completeExceptionally(forgotten)));
    }

    /// The reply's future completes after the next request was let in.
    private CompletableFuture<AppendEntriesReplyProto> start(
            RaftGroupId group, Turns turns, AppendEntriesRequestProto request) throws IOException {
        CompletableFuture<AppendEntriesReplyProto> reply;
        try {
            reply = appendNow(group, request);
        } catch (IOException | RuntimeException | Error e) {
            next(group, turns);
            throw e;
        }
        return reply.whenComplete((done, failure) -> next(group, turns));
    }

    private void next(RaftGroupId group, Turns turns) {
        Waiting turn;
        synchronized (busy) {
            if (busy.get(group) != turns) {
                // It was given up, and is answered after all.
                return;
            }
            turn = turns.waiting.poll();
            if (turn == null) {
                busy.remove(group);
                return;
            }
            turns.sinceNanos = System.nanoTime();
        }
        // Not here: this may be a thread of Ratis' log, and appending may wait for that.
        Thread.ofVirtual().name("append-in-turn").start(() -> take(group, turns, turn));
    }

    private void take(RaftGroupId group, Turns turns, Waiting turn) {
        answer(turn.reply, () -> start(group, turns, turn.request));
    }

    private interface Attempt {
        CompletableFuture<AppendEntriesReplyProto> begin() throws IOException;
    }

    private static void answer(CompletableFuture<AppendEntriesReplyProto> reply, Attempt attempt) {
        try {
            var _ =
                    attempt.begin()
                            .whenComplete((done, failure) -> {
                                if (failure == null) {
                                    reply.complete(done);
                                } else {
                                    reply.completeExceptionally(failure);
                                }
                            });
        } catch (IOException | RuntimeException | Error e) {
            reply.completeExceptionally(e);
        }
    }

    private record Waiting(
            AppendEntriesRequestProto request, CompletableFuture<AppendEntriesReplyProto> reply) {}
}

package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// What watches have broken at before, in etcd and its look-alikes, and what a bad client may try.
class WatchServiceTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final ByteString ALL = ByteString.copyFrom(new byte[] {0});

    private static TestCluster lattice;
    private static int tests;
    private NodeClient client;
    private String prefix;

    @BeforeAll
    static void start() {
        lattice =
                CLUSTERS.plain(
                        "lattice",
                        new LatticeKind("[limits]\nwatch_progress_interval_ms = 300\n"),
                        1);
    }

    @BeforeEach
    void begin() {
        client = lattice.client(0);
        tests++;
        prefix = "t%02d/".formatted(tests);
    }

    private ByteString key(String name) {
        return ByteString.copyFromUtf8(prefix + name);
    }

    private long put(String name, String value) {
        return put(name, ByteString.copyFromUtf8(value));
    }

    private long put(String name, ByteString value) {
        return client.kv(20)
                .put(PutRequest.newBuilder().setKey(key(name)).setValue(value).build())
                .getHeader()
                .getRevision();
    }

    private long delete(String name) {
        return client.kv(20)
                .deleteRange(DeleteRangeRequest.newBuilder().setKey(key(name)).build())
                .getHeader()
                .getRevision();
    }

    private void compact(long revision) {
        client.kv(20)
                .compact(
                        CompactionRequest.newBuilder()
                                .setRevision(revision)
                                .setPhysical(true)
                                .build());
    }

    private WatchCreateRequest.Builder watch(String name) {
        return WatchCreateRequest.newBuilder().setKey(key(name));
    }

    private WatchCreateRequest.Builder watchAll() {
        return WatchCreateRequest.newBuilder()
                .setKey(key(""))
                .setRangeEnd(ByteString.copyFromUtf8(prefix.replace('/', '0')));
    }

    private WatchRecorder open() {
        return WatchRecorder.open(client.channel());
    }

    @Test
    void theEventOfADeletionExactlyAtTheCompactRevisionIsStillTold() {
        put("a", "1");
        long deleted = delete("a");
        compact(deleted);
        try (WatchRecorder stream = open()) {
            stream.create(watch("a").setStartRevision(deleted).setPrevKv(true));

            stream.await("the deletion", r -> !r.events(0).isEmpty());

            Event event = stream.events(0).getFirst();
            assertThat(event.getType()).isEqualTo(Event.EventType.DELETE);
            assertThat(event.getKv().getModRevision()).isEqualTo(deleted);
            assertThat(event.hasPrevKv()).isFalse();
        }
    }

    @Test
    void aWatchOfTheFutureIsNotToldOfThePast() {
        long now = put("a", "1");
        try (WatchRecorder stream = open()) {
            stream.create(watch("a").setStartRevision(now + 3));
            stream.await("its creation", r -> r.responses().size() == 1);
            stream.progress();

            put("a", "2");
            put("a", "3");
            long wanted = put("a", "4");

            stream.await("an event", r -> !r.events(0).isEmpty());
            assertThat(stream.events(0).getFirst().getKv().getModRevision()).isEqualTo(wanted);
            assertThat(stream.of(-1)).as("progress before the future has come").isEmpty();
        }
    }

    @Test
    void aStartBelowTheCompactRevisionIsCreatedAndThenCancelledAndItsIdStaysTaken() {
        put("a", "1");
        long now = put("a", "2");
        compact(now);
        try (WatchRecorder stream = open()) {
            stream.create(watch("a").setStartRevision(now - 1).setWatchId(7));
            stream.await("its end", r -> r.responses().size() == 2);
            stream.create(watch("a").setWatchId(7));
            stream.await("a refusal", r -> r.responses().size() == 3);
            stream.cancel(7);
            stream.await("an answer", r -> r.responses().size() == 4);

            List<WatchResponse> all = stream.responses();
            assertThat(all.get(0).getCreated()).isTrue();
            assertThat(all.get(1).getCanceled()).isTrue();
            assertThat(all.get(1).getCompactRevision()).isEqualTo(now);
            assertThat(all.get(1).getHeader().getRevision()).isZero();
            assertThat(all.get(1).getCancelReason()).isEmpty();
            assertThat(all.get(2).getWatchId()).isEqualTo(-1);
            assertThat(all.get(2).getCancelReason())
                    .isEqualTo("mvcc: duplicate watch ID provided on the WatchStream");
            assertThat(all.get(3).getCanceled()).isTrue();
            assertThat(all.get(3).getWatchId()).isEqualTo(7);
        }
    }

    @Test
    void aNegativeStartAndAnEmptyRangeAreRefusedAndAnUnknownIdIsNotAnswered() {
        try (WatchRecorder stream = open()) {
            stream.create(watch("a").setStartRevision(-1));
            stream.create(watch("b").setRangeEnd(key("a")));
            stream.cancel(99);
            stream.create(watch("a"));
            stream.await("three answers", r -> r.responses().size() == 3);

            List<WatchResponse> all = stream.responses();
            assertThat(all.get(0).getCancelReason())
                    .isEqualTo("etcdserver: mvcc: required revision has been compacted");
            assertThat(all.get(1).getCancelReason()).isEqualTo("mvcc: watcher range is empty");
            assertThat(all.subList(0, 2))
                    .allMatch(r -> r.getCreated() && r.getCanceled() && r.getWatchId() == -1);
            assertThat(all.get(2).getCreated()).isTrue();
            assertThat(all.get(2).getCanceled()).isFalse();
            assertThat(all.get(2).getWatchId()).isZero();
        }
    }

    @Test
    void progressIsNeverAheadOfAnEventThatIsStillToCome() {
        try (WatchRecorder stream = open()) {
            stream.create(watchAll());
            stream.await("its creation", r -> r.responses().size() == 1);
            for (int i = 0; i < 300; i++) {
                put("k" + i % 7, "v" + i);
                stream.progress();
            }
            stream.await("all events", r -> r.events(0).size() == 300);

            long progress = 0;
            for (WatchResponse response : stream.responses()) {
                for (Event event : response.getEventsList()) {
                    assertThat(event.getKv().getModRevision()).isGreaterThan(progress);
                }
                if (response.getWatchId() == -1) {
                    assertThat(response.getHeader().getRevision()).isPositive();
                    progress = response.getHeader().getRevision();
                }
            }
            assertThat(stream.of(-1)).isNotEmpty();
        }
    }

    /// In etcd notifications once overtook what a slow stream still had to be told (its issue 15220).
    @Test
    void progressWaitsForAClientThatReadsSlowlyAndForWatchersThatAreBehind() {
        ByteString large = ByteString.copyFrom(new byte[128 << 10]);
        long first = put("k", large);
        WatchCreateRequest inStep = watchAll().build();
        WatchCreateRequest one = watch("k").build();
        WatchCreateRequest quiet = watch("quiet").setStartRevision(first).build();
        WatchCreateRequest behind = watchAll().setStartRevision(first).build();
        try (WatchRecorder slow = WatchRecorder.openUnread(client.channel());
                WatchRecorder witness = open()) {
            witness.create(behind.toBuilder());
            // When there is no more room, one of the first two may have been sent what the other
            // hasn't.
            slow.create(inStep.toBuilder());
            slow.create(one.toBuilder());
            slow.create(quiet.toBuilder());
            slow.read(3);
            slow.await("three responses", r -> r.responses().size() == 3);
            for (int i = 1; i < 60; i++) {
                put("k", large);
                slow.progress();
                if (i == 30) {
                    slow.create(behind.toBuilder());
                }
            }
            long last = put("k", large);
            witness.await("all events", r -> r.events(0).size() == 61);
            slow.await(
                    "all events, read one by one",
                    r -> {
                        r.progress();
                        r.read(1);
                        return r.events(0).size() == 60
                                && r.events(1).size() == 60
                                && r.events(3).size() == 61;
                    });
            slow.await(
                    "progress when all is read",
                    r -> {
                        r.progress();
                        r.read(1);
                        return r.of(-1).stream()
                                .anyMatch(response -> response.getHeader().getRevision() >= last);
                    });

            assertKept(witness, slow, List.of(inStep, one, quiet, behind), last);
        }
    }

    /// Waits a millisecond, so that a client that asks again and again floods nobody.
    private static boolean isDoneSoon(ListenableFuture<?> future) {
        try {
            Uninterruptibles.getUninterruptibly(future, 1, TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /// What was told for the ids from 0 on keeps the promises of a watch.
    private static void assertKept(
            WatchRecorder witness,
            WatchRecorder stream,
            List<WatchCreateRequest> asked,
            long last) {
        WatchValidator validator = new WatchValidator(witness.events(0));
        for (int id = 0; id < asked.size(); id++) {
            assertThat(
                            validator.check(
                                    new WatchValidator.Received(
                                            "watcher " + id, asked.get(id), stream.toldOf(id)),
                                    last))
                    .isEmpty();
        }
    }

    @Test
    void progressWaitsForAWatcherThatBeginsInThePastAndForWhatIsTooMuchForTheQueue() {
        TxnRequest.Builder bulk = TxnRequest.newBuilder();
        for (int i = 0; i < 8; i++) {
            bulk.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestPut(
                                    PutRequest.newBuilder()
                                            .setKey(key("k" + i))
                                            .setValue(ByteString.copyFrom(new byte[170_000]))));
        }
        long first = put("k", "v");
        WatchCreateRequest now = watchAll().build();
        WatchCreateRequest past = watchAll().setStartRevision(first).build();
        try (WatchRecorder stream = open();
                WatchRecorder witness = open()) {
            witness.create(past.toBuilder());
            // All of this waits together until the first one may begin.
            stream.create(now.toBuilder());
            stream.create(past.toBuilder());
            stream.progress();
            long last = 0;
            for (int i = 0; i < 20; i++) {
                ListenableFuture<TxnResponse> written =
                        KVGrpc.newFutureStub(client.channel()).txn(bulk.build());
                while (!isDoneSoon(written)) {
                    stream.progress();
                }
                last = Futures.getUnchecked(written).getHeader().getRevision();
            }
            long end = last;
            stream.await("all events", r -> r.events(0).size() == 160);
            witness.await("all events", r -> r.events(0).size() == 161);
            stream.await(
                    "progress at last",
                    r -> {
                        r.progress();
                        return r.of(-1).stream()
                                .anyMatch(response -> response.getHeader().getRevision() >= end);
                    });

            assertKept(witness, stream, List.of(now, past), last);
        }
    }

    @Test
    void aQuietWatcherIsNotifiedUnderItsOwnId() {
        try (WatchRecorder stream = open()) {
            stream.create(watch("quiet").setProgressNotify(true));
            stream.create(watch("other"));

            stream.await("two notifications", r -> r.of(0).size() >= 3);

            assertThat(stream.of(0).subList(1, 3))
                    .allMatch(r -> r.getEventsCount() == 0 && !r.getCanceled())
                    .allMatch(r -> r.getHeader().getRevision() > 0);
            assertThat(stream.of(1)).hasSize(1);
        }
    }

    @Test
    void tenThousandWatchersComeAndGoAndLeaveTheStreamUsable() {
        int count = 10_000;
        try (WatchRecorder stream = open()) {
            for (int i = 0; i < count; i++) {
                stream.create(watch("many" + i % 100));
            }
            stream.await("all are created", r -> r.responses().size() == count);
            put("many5", "v");
            stream.await("an event for each", r -> r.responses().size() == count + count / 100);
            for (int i = 0; i < count; i++) {
                stream.cancel(i);
            }
            stream.await("all are cancelled", r -> r.responses().size() == 2 * count + count / 100);
            put("many5", "w");
            stream.create(watch("last"));
            // Otherwise the put may come first, by another stream, and is none of its business.
            stream.await("its creation", r -> !r.of(count).isEmpty());
            put("last", "v");
            stream.await("an event for the last one", r -> !r.events(count).isEmpty());

            assertThat(stream.responses()).hasSize(2 * count + count / 100 + 2);
            assertThat(stream.responses().subList(count, count + count / 100))
                    .allMatch(r -> r.getEventsCount() == 1);
        }
    }

    @Test
    void nothingComesForAWatcherAfterItWasCancelled() {
        try (WatchRecorder stream = open()) {
            for (int i = 0; i < 100; i++) {
                stream.create(watch("a").setWatchId(1));
                put("a", "v" + i);
                stream.cancel(1);
                put("a", "w" + i);
            }
            stream.await(
                    "all are cancelled",
                    r -> r.of(1).stream().filter(WatchResponse::getCanceled).count() == 100);

            boolean open = false;
            for (WatchResponse response : stream.of(1)) {
                if (response.getCreated()) {
                    assertThat(open).isFalse();
                    open = true;
                } else if (response.getCanceled()) {
                    open = false;
                } else {
                    assertThat(open).as("an event outside of its watcher's life").isTrue();
                }
            }
        }
    }

    @Test
    void aClientThatDoesNotReadIsOvertakenByCompactionAndToldSoAndOthersAreServed() {
        ByteString large = ByteString.copyFrom(new byte[512 << 10]);
        try (WatchRecorder idle = WatchRecorder.openUnread(client.channel());
                WatchRecorder other = open()) {
            idle.create(watchAll());
            other.create(watchAll());
            other.await("its creation", r -> r.responses().size() == 1);
            idle.read(1);
            idle.await("its creation", r -> r.responses().size() == 1);
            long last = 0;
            for (int i = 0; i < 100; i++) {
                last = put("large", large);
            }
            other.await("all events", r -> r.events(0).size() == 100);
            compact(last);
            idle.read(1_000);

            idle.await("its end", r -> r.responses().getLast().getCanceled());
            WatchResponse end = idle.responses().getLast();
            assertThat(end.getCompactRevision()).isEqualTo(last);
            List<Event> seen = idle.events(0);
            assertThat(seen).hasSizeLessThan(100);
            for (int i = 1; i < seen.size(); i++) {
                assertThat(seen.get(i).getKv().getVersion())
                        .isEqualTo(seen.get(i - 1).getKv().getVersion() + 1);
            }
        }
    }

    @Test
    void aRevisionWithManyEventsComesWholeUnlessFragmentsWereAskedFor() {
        ByteString value = ByteString.copyFrom(new byte[11 << 10]);
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        for (int i = 0; i < 128; i++) {
            txn.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestPut(
                                    PutRequest.newBuilder()
                                            .setKey(key("k%03d".formatted(i)))
                                            .setValue(value)));
        }
        try (WatchRecorder stream = open()) {
            stream.create(watchAll().setPrevKv(true));
            stream.create(watchAll().setPrevKv(true).setFragment(true));
            stream.await("their creation", r -> r.responses().size() == 2);
            client.kv(20).txn(txn.build());
            long second = client.kv(20).txn(txn.build()).getHeader().getRevision();
            stream.await("all events", r -> r.events(0).size() == 256 && r.events(1).size() == 256);

            assertThat(stream.of(0)).hasSize(3);
            assertThat(stream.of(0).getLast().getEventsCount()).isEqualTo(128);
            List<WatchResponse> parts =
                    stream.of(1).stream()
                            .filter(r -> r.getHeader().getRevision() == second)
                            .toList();
            assertThat(parts).hasSize(2);
            assertThat(parts.get(0).getFragment()).isTrue();
            assertThat(parts.get(1).getFragment()).isFalse();
            assertThat(parts).allMatch(r -> r.getSerializedSize() < 2 << 20);
            assertThat(stream.events(1)).isEqualTo(stream.events(0));
        }
    }

    @Test
    void eventsKeepComingAfterTheClientClosedItsSide() {
        try (WatchRecorder stream = open()) {
            stream.create(watch("a"));
            stream.halfClose();
            stream.await("its creation", r -> r.responses().size() == 1);

            put("a", "1");

            stream.await("an event", r -> !r.events(0).isEmpty());
        }
    }

    @Test
    void aWatchFromNowSeesExactlyWhatIsWrittenAfterItsCreation() {
        try (WatchRecorder stream = open()) {
            long before = put("a", "1");
            stream.create(watch("a"));
            stream.await("its creation", r -> r.responses().size() == 1);
            long after = put("a", "2");
            stream.await("an event", r -> !r.events(0).isEmpty());

            assertThat(stream.responses().getFirst().getHeader().getRevision())
                    .isGreaterThanOrEqualTo(before);
            assertThat(stream.events(0)).hasSize(1);
            assertThat(stream.events(0).getFirst().getKv().getModRevision()).isEqualTo(after);
        }
    }

    @Test
    void aStreamWithoutWatchersEndsAfterAWhile() {
        TestCluster impatient =
                CLUSTERS.plain(
                        "impatient",
                        new LatticeKind("[tenants]\nwatch_idle_timeout_ms = 1000\n"),
                        1);
        try (WatchRecorder idle = WatchRecorder.open(impatient.client(0).channel());
                WatchRecorder busy = WatchRecorder.open(impatient.client(0).channel())) {
            busy.create(WatchCreateRequest.newBuilder().setRangeEnd(ALL));

            idle.await("its end", r -> r.end() != null);

            assertThat(idle.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(busy.end()).isNull();
        }
    }
}

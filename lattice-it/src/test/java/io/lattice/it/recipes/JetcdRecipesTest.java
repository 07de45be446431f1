package io.lattice.it.recipes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.Election;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Lease;
import io.etcd.jetcd.Lock;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.election.CampaignResponse;
import io.etcd.jetcd.election.LeaderKey;
import io.etcd.jetcd.election.LeaderResponse;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.lock.LockResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.LeaseOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.support.CloseableClient;
import io.grpc.stub.StreamObserver;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// jetcd's clients, those of the services Lock and Election among them, get from Lattice what they get from a real etcd: each
/// scene is played with both, and what it writes down is compared.
class JetcdRecipesTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static TestCluster cluster;
    private static Client lattice;
    private static Client etcd;

    @BeforeAll
    static void connect() {
        cluster = CLUSTERS.plain("lattice", new LatticeKind(), 3);
        lattice = Client.builder().endpoints(cluster.endpoints().split(",")).build();
        etcd =
                Client.builder()
                        .endpoints(CLUSTERS.plain("etcd", new EtcdKind(false), 1).clientUrl(0))
                        .build();
    }

    @AfterAll
    static void disconnect() {
        lattice.close();
        etcd.close();
    }

    /// What happens with one server, in words that are the same for all.
    private interface Scene {
        void play(Client client, List<String> notes) throws Exception;
    }

    private static void compare(Scene scene) throws Exception {
        List<String> expected = new CopyOnWriteArrayList<>();
        List<String> actual = new CopyOnWriteArrayList<>();
        scene.play(etcd, expected);
        scene.play(lattice, actual);
        assertThat(actual).isEqualTo(expected).isNotEmpty();
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, UTF_8);
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    /// The text of what went wrong, as the client was told.
    private static String failure(CompletableFuture<?> future) throws Exception {
        try {
            return "no failure: " + future.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            return root.getClass().getSimpleName()
                    + ": "
                    + String.valueOf(root.getMessage()).replaceAll("^[A-Z_]+: ", "");
        }
    }

    private static boolean waits(CompletableFuture<?> future) throws Exception {
        try {
            return future.get(300, TimeUnit.MILLISECONDS) == null;
        } catch (TimeoutException e) {
            return true;
        }
    }

    private static long grant(Client client, long ttl) throws Exception {
        return get(client.getLeaseClient().grant(ttl)).getID();
    }

    private static String key(ByteSequence key, long lease) {
        return key.toString().replace(Long.toHexString(lease), "LEASE");
    }

    private static long keysBelow(Client client, String prefix) throws Exception {
        return get(client.getKVClient()
                        .get(bytes(prefix), GetOption.builder().isPrefix(true).build()))
                .getCount();
    }

    private static void awaitKeys(Client client, String prefix, long count) {
        Await.until(
                "%d keys are below %s".formatted(count, prefix),
                LIMIT,
                () -> keysBelow(client, prefix) == count);
    }

    @Test
    void locks() throws Exception {
        compare((client, notes) -> {
            Lock locks = client.getLockClient();
            long first = grant(client, 60);
            long second = grant(client, 60);
            LockResponse held = get(locks.lock(bytes("door"), first));
            notes.add("held " + key(held.getKey(), first));
            LockResponse again = get(locks.lock(bytes("door"), first));
            notes.add("again " + key(again.getKey(), first));
            CompletableFuture<LockResponse> waiting = locks.lock(bytes("door"), second);
            awaitKeys(client, "door/", 2);
            notes.add("waits " + waits(waiting));
            get(locks.unlock(held.getKey()));
            notes.add("passed on " + key(get(waiting).getKey(), second));

            long third = grant(client, 60);
            CompletableFuture<LockResponse> next = locks.lock(bytes("door"), third);
            awaitKeys(client, "door/", 2);
            get(client.getLeaseClient().revoke(second));
            notes.add("passed on by the end of a lease " + key(get(next).getKey(), third));
            long fourth = grant(client, 60);
            CompletableFuture<LockResponse> ended = locks.lock(bytes("door"), fourth);
            awaitKeys(client, "door/", 2);
            get(client.getLeaseClient().revoke(fourth));
            get(locks.unlock(bytes("door/" + Long.toHexString(third))));
            notes.add("its lease ended while it waited: " + failure(ended));

            notes.add(
                    "a lease of the server's: "
                            + !get(locks.lock(bytes("free"), 0)).getKey().isEmpty());
            notes.add("no such lease: " + failure(locks.lock(bytes("door"), 12345)));
            notes.add(
                    "unlocked twice: "
                            + (get(locks.unlock(held.getKey())).getHeader().getRevision() > 0));
            notes.add("left " + keysBelow(client, "door/"));
        });
    }

    @Test
    void elections() throws Exception {
        compare((client, notes) -> {
            Election elections = client.getElectionClient();
            ByteSequence chair = bytes("chair");
            notes.add("nobody leads: " + failure(elections.leader(chair)));
            List<String> observed = new CopyOnWriteArrayList<>();
            elections.observe(chair, new Observer(observed));
            long first = grant(client, 60);
            long second = grant(client, 60);
            LeaderKey one = get(elections.campaign(chair, first, bytes("one"))).getLeader();
            notes.add("leads %s %s".formatted(key(one.getKey(), first), one.getName()));
            Await.until("the first one is observed", LIMIT, () -> observed.size() == 1);
            CompletableFuture<CampaignResponse> waiting =
                    elections.campaign(chair, second, bytes("two"));
            awaitKeys(client, "chair/", 2);
            notes.add("waits " + waits(waiting));
            get(elections.proclaim(one, bytes("one more")));
            LeaderResponse leader = get(elections.leader(chair));
            notes.add("leader " + leader.getKv().getValue());
            Await.until("the proclaimed is observed", LIMIT, () -> observed.size() == 2);
            get(elections.resign(one));
            LeaderKey two = get(waiting).getLeader();
            notes.add("leads " + key(two.getKey(), second));
            Await.until("the second one is observed", LIMIT, () -> observed.size() == 3);
            notes.add("no leader any more: " + failure(elections.proclaim(one, bytes("x"))));
            get(elections.resign(one));
            LeaderKey same = get(elections.campaign(chair, second, bytes("two again"))).getLeader();
            notes.add("the same place " + (same.getRevision() == two.getRevision()));
            Await.until("its new value is observed", LIMIT, () -> observed.size() == 4);
            get(client.getLeaseClient().revoke(second));
            notes.add("nobody leads: " + failure(elections.leader(chair)));
            long third = grant(client, 60);
            get(elections.campaign(chair, third, bytes("three")));
            Await.until("the third one is observed", LIMIT, () -> observed.size() == 5);
            notes.addAll(observed);
            notes.add("no such lease: " + failure(elections.campaign(chair, 12345, bytes("x"))));
        });
    }

    /// Writes down what is observed.
    private record Observer(List<String> observed) implements Election.Listener {
        @Override
        public void onNext(LeaderResponse response) {
            observed.add("observed " + response.getKv().getValue());
        }

        @Override
        public void onError(Throwable error) {
            observed.add("failed " + error);
        }

        @Override
        public void onCompleted() {
            observed.add("completed");
        }
    }

    @Test
    void leases() throws Exception {
        compare((client, notes) -> {
            Lease leases = client.getLeaseClient();
            long id = grant(client, 5);
            get(
                    client.getKVClient()
                            .put(
                                    bytes("leased"),
                                    bytes("v"),
                                    PutOption.builder().withLeaseId(id).build()));
            List<Long> ttls = new CopyOnWriteArrayList<>();
            CloseableClient alive = leases.keepAlive(id, new Ttls(ttls));
            Await.until("it was renewed twice", LIMIT, () -> ttls.size() >= 2);
            alive.close();
            notes.add(
                    "renewed to "
                            + ttls.getFirst()
                            + " once "
                            + get(leases.keepAliveOnce(id)).getTTL());
            var status =
                    get(leases.timeToLive(id, LeaseOption.builder().withAttachedKeys().build()));
            notes.add("granted %d keys %s".formatted(status.getGrantedTTL(), status.getKeys()));
            get(leases.revoke(id));
            notes.add("keys left " + keysBelow(client, "leased"));
            notes.add("gone " + get(leases.timeToLive(id, LeaseOption.DEFAULT)).getTTL());
            notes.add("revoked twice: " + failure(leases.revoke(id)));
            notes.add("renewed after its end: " + failure(leases.keepAliveOnce(id)));
        });
    }

    /// Writes down the TTLs of renewals, -1 for the end. A failure isn't an end: jetcd tells it when its stream breaks, and begins
    /// another one, unless the observer throws.
    private record Ttls(List<Long> ttls) implements StreamObserver<LeaseKeepAliveResponse> {
        @Override
        public void onNext(LeaseKeepAliveResponse response) {
            ttls.add(response.getTTL());
        }

        @Override
        public void onError(Throwable error) {
            ttls.add(-2L);
        }

        @Override
        public void onCompleted() {
            ttls.add(-1L);
        }
    }

    @Test
    void keysAndWatches() throws Exception {
        compare((client, notes) -> {
            KV kv = client.getKVClient();
            long before = get(kv.put(bytes("w/a"), bytes("1"))).getHeader().getRevision();
            List<String> seen = new CopyOnWriteArrayList<>();
            WatchOption fromThere =
                    WatchOption.builder()
                            .isPrefix(true)
                            .withRevision(before)
                            .withPrevKV(true)
                            .build();
            try (Watch.Watcher watcher =
                    client.getWatchClient()
                            .watch(
                                    bytes("w/"),
                                    fromThere,
                                    response ->
                                            response.getEvents()
                                                    .forEach(event ->
                                                            seen.add(
                                                                    "%s %s was %s"
                                                                            .formatted(
                                                                                    event
                                                                                            .getEventType(),
                                                                                    text(
                                                                                            event
                                                                                                    .getKeyValue()),
                                                                                    text(
                                                                                            event
                                                                                                    .getPrevKV())))))) {
                get(kv.put(bytes("w/a"), bytes("2")));
                var swapped =
                        get(
                                kv.txn()
                                        .If(
                                                new Cmp(
                                                        bytes("w/a"),
                                                        Cmp.Op.EQUAL,
                                                        CmpTarget.value(bytes("2"))))
                                        .Then(Op.put(bytes("w/b"), bytes("3"), PutOption.DEFAULT))
                                        .Else(Op.get(bytes("w/a"), GetOption.DEFAULT))
                                        .commit());
                notes.add("swapped " + swapped.isSucceeded());
                notes.add("deleted " + get(kv.delete(bytes("w/a"))).getDeleted());
                Await.until("all is seen", LIMIT, () -> seen.size() == 4);
                notes.addAll(seen);
                watcher.requestProgress();
            }
            notes.add("left " + keysBelow(client, "w/"));
        });
    }

    private static String text(KeyValue record) {
        return record.getKey() + "=" + record.getValue();
    }

    @Test
    void aWaitingLockIsGivenUpWhenItsClientGoes() throws Exception {
        Lock locks = lattice.getLockClient();
        LockResponse held = get(locks.lock(bytes("gone"), grant(lattice, 60)));
        try (Client leaving = Client.builder().endpoints(cluster.clientUrl(0)).build()) {
            var _ = leaving.getLockClient().lock(bytes("gone"), grant(lattice, 60));
            awaitKeys(lattice, "gone/", 2);
        }

        awaitKeys(lattice, "gone/", 1);
        get(locks.unlock(held.getKey()));
        assertThat(keysBelow(lattice, "gone/")).isZero();
    }

    @Test
    void aWatchAnElectionAndRenewalsGoOnAfterTheLeaderIsKilled() throws Exception {
        KV kv = lattice.getKVClient();
        List<Long> ttls = new CopyOnWriteArrayList<>();
        long kept = grant(lattice, 9);
        CloseableClient alive = lattice.getLeaseClient().keepAlive(kept, new Ttls(ttls));
        Election elections = lattice.getElectionClient();
        List<String> seen = new CopyOnWriteArrayList<>();
        CampaignResponse elected =
                get(elections.campaign(bytes("seat"), grant(lattice, 60), bytes("p1")));
        long begin = get(kv.put(bytes("on/before"), bytes("v0"))).getHeader().getRevision();
        WatchOption fromThere = WatchOption.builder().isPrefix(true).withRevision(begin).build();
        try (Watch.Watcher _ =
                lattice.getWatchClient()
                        .watch(
                                bytes("on/"),
                                fromThere,
                                response ->
                                        response.getEvents()
                                                .forEach(e -> seen.add(text(e.getKeyValue()))))) {
            Await.until("the watch has begun", LIMIT, () -> seen.size() == 1);
            Await.until("the lease is renewed", LIMIT, () -> ttls.contains(9L));

            int leader = cluster.killLeader();
            Await.until(
                    "a put succeeds",
                    LIMIT,
                    () -> get(kv.put(bytes("on/after"), bytes("v1"))) != null);
            Await.until("the watch goes on", LIMIT, () -> seen.contains("on/after=v1"));

            assertThat(seen.getFirst()).isEqualTo("on/before=v0");
            assertThat(seen.subList(1, seen.size())).containsOnly("on/after=v1");
            get(elections.proclaim(elected.getLeader(), bytes("p2")));
            assertThat(get(elections.leader(bytes("seat"))).getKv().getValue())
                    .isEqualTo(bytes("p2"));
            int told = ttls.size();
            Await.until(
                    "renewals go on",
                    LIMIT,
                    () -> ttls.subList(told, ttls.size()).stream().filter(t -> t == 9).count() >= 2,
                    ttls::toString);
            assertThat(ttls).doesNotContain(-1L);
            alive.close();
            cluster.startNode(leader);
            cluster.awaitReady(leader);
        }
    }

    @Test
    void aLockPassesOnAfterTheLeaderIsKilled() throws Exception {
        Lock locks = lattice.getLockClient();
        LockResponse held = get(locks.lock(bytes("kept"), grant(lattice, 60)));
        int leader = cluster.awaitLeader();
        List<CompletableFuture<LockResponse>> waiting = new ArrayList<>();
        try (Client elsewhere =
                Client.builder().endpoints(cluster.clientUrl((leader + 1) % 3)).build()) {
            waiting.add(elsewhere.getLockClient().lock(bytes("kept"), grant(lattice, 60)));
            awaitKeys(lattice, "kept/", 2);

            cluster.kill(leader);
            cluster.awaitLeader();
            Await.until(
                    "the holder unlocks",
                    LIMIT,
                    () -> get(elsewhere.getLockClient().unlock(held.getKey())) != null);

            assertThat(get(waiting.getFirst()).getKey()).isNotEqualTo(held.getKey());
        }
        cluster.startNode(leader);
        cluster.awaitReady(leader);
    }
}

package io.lattice.it.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.LeaseTimeToLiveRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Who is which tenant, and what that keeps apart.
class TenantServiceTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final String ADDRESS = "127.0.0.1";
    private static final String BLUE_NAME = "blue.lattice.test";

    private static final String TENANTS =
            """
            [tenants.tenant.acme]
            identities = ["acme-client"]
            lease_ttl_min_ms = 5000
            lease_ttl_default_ms = 20000
            lease_ttl_max_ms = 30000
            [tenants.tenant.blue]
            identities = ["spiffe://test/blue"]
            server_names = ["blue.lattice.test"]
            [tenants.tenant.small]
            identities = ["small-client"]
            qps_limit = 5
            """;

    private static TestCluster cluster;
    private static TlsMaterial tls;

    private final List<ManagedChannel> channels = new ArrayList<>();

    @BeforeAll
    static void start() {
        cluster = CLUSTERS.secure("lattice", new LatticeKind(TENANTS), 1);
        tls = Objects.requireNonNull(cluster.tls());
        tls.issueClient("acme-client", "DNS:acme");
        tls.issueClient("someone", "URI:spiffe://test/blue");
        tls.issueClient("small-client", "DNS:small");
    }

    @AfterEach
    void closeChannels() {
        channels.forEach(ManagedChannel::shutdownNow);
    }

    @Test
    void certificateDecidesAndKeepsKeysAndRevisionsApart() {
        KVGrpc.KVBlockingStub standard = kv(connect("client", ADDRESS));
        KVGrpc.KVBlockingStub acme = kv(connect("acme-client", ADDRESS));
        KVGrpc.KVBlockingStub blue = kv(connect("someone", ADDRESS));
        long before = revision(acme);
        long standardBefore = revision(standard);

        put(standard, "k", "of default");
        put(acme, "k", "of acme");
        put(acme, "k", "of acme again");

        assertThat(get(standard, "k")).isEqualTo("of default");
        assertThat(get(acme, "k")).isEqualTo("of acme again");
        assertThat(get(blue, "k")).isEmpty();
        assertThat(revision(acme)).isEqualTo(before + 2);
        assertThat(revision(standard)).isEqualTo(standardBefore + 1);
    }

    @Test
    void serverNameStandsForATenantOnlyWhereTheCertificateNamesNone() {
        put(kv(connect("client", BLUE_NAME)), "sni", "blue's");

        assertThat(get(kv(connect("someone", ADDRESS)), "sni")).isEqualTo("blue's");
        assertThat(get(kv(connect("acme-client", BLUE_NAME)), "sni")).isEmpty();
        assertThat(get(kv(connect("client", ADDRESS)), "sni")).isEmpty();
    }

    @Test
    void tenantsThatExistAndThatDoNotAreRefusedAlikeAndNothingChanges() {
        Channel channel = connect("acme-client", ADDRESS);
        put(kv(TenantChannels.naming(channel, "acme")), "named", "well");
        KVGrpc.KVBlockingStub blue = kv(connect("someone", ADDRESS));
        long before = revision(blue);

        for (String tenant : List.of("blue", "default", "nobody")) {
            StatusRuntimeException e =
                    refusal(() -> put(kv(TenantChannels.naming(channel, tenant)), "k", "stolen"));

            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
            assertThat(e.getStatus().getDescription())
                    .isEqualTo("lattice: this client may not use the tenant \"" + tenant + "\"");
        }
        assertThat(revision(blue)).isEqualTo(before);
        assertThat(get(kv(channel), "named")).isEqualTo("well");
    }

    @Test
    void leasesHaveTheTenantsBoundsAndTheirIdsAreTheTenantsOwn() {
        var acme = leases(connect("acme-client", ADDRESS));
        var blue = leases(connect("someone", ADDRESS));

        assertThat(grant(acme, 7, 0)).isEqualTo(20);
        assertThat(grant(acme, 8, 1)).isEqualTo(5);
        assertThat(grant(acme, 9, 1_000_000)).isEqualTo(30);
        assertThat(grant(blue, 7, 1_000)).isEqualTo(1_000);
        var _ = acme.leaseRevoke(LeaseRevokeRequest.newBuilder().setID(7).build());

        assertThat(ttl(acme, 7)).isEqualTo(-1);
        assertThat(ttl(blue, 7)).isBetween(900L, 1_000L);
        assertThat(ttl(blue, 8)).isEqualTo(-1);
    }

    @Test
    void watchSeesItsOwnTenantOnly() throws Exception {
        Channel acme = connect("acme-client", ADDRESS);
        KVGrpc.KVBlockingStub blue = kv(connect("someone", ADDRESS));
        try (WatchedKeys watched = WatchedKeys.all(acme)) {
            put(blue, "watched/blue", "1");
            put(kv(acme), "watched/acme", "1");
            put(blue, "watched/blue", "2");
            put(kv(acme), "watched/last", "1");

            assertThat(watched.until("watched/last"))
                    .containsExactly("watched/acme", "watched/last");
        }
    }

    @Test
    void overQuotaIsRefusedWithTheTimeToWaitAndOthersAreNot() throws Exception {
        KVGrpc.KVBlockingStub small = kv(connect("small-client", ADDRESS));
        KVGrpc.KVBlockingStub acme = kv(connect("acme-client", ADDRESS));

        StatusRuntimeException e =
                refusal(() -> {
                    for (int i = 0; i < 1_000; i++) {
                        put(small, "k", "v");
                    }
                });

        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(e.getStatus().getDescription()).isEqualTo("etcdserver: too many requests");
        assertThat(retryNanos(e)).isBetween(1L, TimeUnit.MILLISECONDS.toNanos(200));
        for (int i = 0; i < 50; i++) {
            put(acme, "k", "v");
        }
    }

    private static long retryNanos(StatusRuntimeException e) throws InvalidProtocolBufferException {
        com.google.rpc.Status status = StatusProto.fromThrowable(e);
        assertThat(status).isNotNull();
        RetryInfo info = status.getDetails(0).unpack(RetryInfo.class);
        return TimeUnit.SECONDS.toNanos(info.getRetryDelay().getSeconds())
                + info.getRetryDelay().getNanos();
    }

    /// @param host what the client calls the server; an address is no TLS server name
    private Channel connect(String certificate, String host) {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress(ADDRESS, cluster.node(0).clientPort())
                        .overrideAuthority(host + ":" + cluster.node(0).clientPort())
                        .sslContext(tls.clientContext(certificate))
                        .build();
        channels.add(channel);
        return channel;
    }

    private static StatusRuntimeException refusal(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, call);
        assertThat(e).isNotNull();
        return e;
    }

    private static KVGrpc.KVBlockingStub kv(Channel channel) {
        return KVGrpc.newBlockingStub(channel);
    }

    private static LeaseGrpc.LeaseBlockingStub leases(Channel channel) {
        return LeaseGrpc.newBlockingStub(channel);
    }

    private static long grant(LeaseGrpc.LeaseBlockingStub leases, long id, long ttl) {
        return leases.leaseGrant(LeaseGrantRequest.newBuilder().setID(id).setTTL(ttl).build())
                .getTTL();
    }

    private static long ttl(LeaseGrpc.LeaseBlockingStub leases, long id) {
        return leases.leaseTimeToLive(LeaseTimeToLiveRequest.newBuilder().setID(id).build())
                .getTTL();
    }

    private static void put(KVGrpc.KVBlockingStub kv, String key, String value) {
        var _ =
                kv.put(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setValue(ByteString.copyFromUtf8(value))
                                .build());
    }

    private static String get(KVGrpc.KVBlockingStub kv, String key) {
        var response =
                kv.range(RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8(key)).build());
        return response.getKvsCount() == 0 ? "" : response.getKvs(0).getValue().toStringUtf8();
    }

    private static long revision(KVGrpc.KVBlockingStub kv) {
        return kv.range(RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8("-")).build())
                .getHeader()
                .getRevision();
    }
}

package io.lattice.it.cluster;

import com.google.common.base.Splitter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// One network namespace for each node, all on one bridge of this machine; the clients are outside.
///
/// A cut is a host route into a pair of virtual interfaces with address resolution off: packets that go
/// in there vanish, as on a dead line, and neither end sees an error. It needs no packet filter. Needs
/// root and the `ip` program. The names and the subnet carry a number, so that several networks can
/// stand side by side.
public final class NamespaceNetwork implements TestNetwork {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final int OUTSIDE = 254;

    private final int number;
    private final int nodes;

    private NamespaceNetwork(int number, int nodes) {
        this.number = number;
        this.nodes = nodes;
    }

    /// Builds the namespaces.
    ///
    /// @param number 0 to 255, the third part of the addresses 10.213.number.x
    /// @throws IllegalStateException if this process may not, or the program `ip` is not there
    public static NamespaceNetwork create(int number, int nodes) {
        NamespaceNetwork network = new NamespaceNetwork(number, nodes);
        network.removeAll();
        try {
            network.build();
        } catch (RuntimeException e) {
            network.removeAll();
            throw new IllegalStateException(
                    "cannot build network namespaces: this needs root, the kernel's veth and bridge"
                            + " drivers, and the program ip (Debian's package iproute2): "
                            + e.getMessage(),
                    e);
        }
        return network;
    }

    private void build() {
        ip("link add " + bridge() + " type bridge");
        ip("addr add %s/24 dev %s".formatted(host(OUTSIDE), bridge()));
        ip("link set " + bridge() + " up");
        for (int i = 0; i < nodes; i++) {
            String ns = namespace(i);
            ip("netns add " + ns);
            ip("link add %s type veth peer name eth0 netns %s".formatted(port(i), ns));
            ip("link set %s master %s up".formatted(port(i), bridge()));
            ip("-n %s link set lo up".formatted(ns));
            ip("-n %s addr add %s/24 dev eth0".formatted(ns, address(i)));
            ip("-n %s link set eth0 up".formatted(ns));
            ip("-n %s link add drop0 type veth peer name drop1".formatted(ns));
            ip("-n %s link set drop0 arp off up".formatted(ns));
            ip("-n %s link set drop1 up".formatted(ns));
        }
    }

    @Override
    public String address(int index) {
        return host(index + 1);
    }

    @Override
    public LoopbackNetwork outside() {
        return new LoopbackNetwork(host(OUTSIDE));
    }

    @Override
    public List<String> prefix(int index) {
        return List.of("ip", "netns", "exec", namespace(index));
    }

    @Override
    public void cutFromPeers(int index) {
        for (int other = 0; other < nodes; other++) {
            if (other != index) {
                drop(index, address(other));
                drop(other, address(index));
            }
        }
    }

    @Override
    public void cutFromAll(int index) {
        cutFromPeers(index);
        drop(index, host(OUTSIDE));
    }

    private void drop(int from, String to) {
        ip(
                "-n %s route replace %s/32 dev drop0 src %s"
                        .formatted(namespace(from), to, address(from)));
    }

    @Override
    public void heal() {
        for (int i = 0; i < nodes; i++) {
            ip("-n %s route flush dev drop0".formatted(namespace(i)));
        }
    }

    @Override
    public void close() {
        removeAll();
    }

    /// Errors don't matter here: what is not there need not be removed.
    ///
    /// A deleted namespace's interfaces go some time after the command's end, and the next network of
    /// this number could not make its own while they are there. So the pair goes first, by its outer end.
    private void removeAll() {
        for (int i = 0; i < nodes; i++) {
            run("link del " + port(i));
            run("netns del " + namespace(i));
        }
        run("link del " + bridge());
    }

    private String host(int last) {
        return "10.213.%d.%d".formatted(number, last);
    }

    private String namespace(int index) {
        return "lattice-%d-n%d".formatted(number, index + 1);
    }

    private String bridge() {
        return "ltbr" + number;
    }

    private String port(int index) {
        return "ltv%d-%d".formatted(number, index + 1);
    }

    private static void ip(String arguments) {
        run(arguments).orThrow();
    }

    private static Command.Result run(String arguments) {
        List<String> command = new ArrayList<>(List.of("ip"));
        Splitter.on(' ').split(arguments).forEach(command::add);
        return Command.run(LIMIT, command);
    }
}

package io.lattice.gateway.config;

import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A network address as it stands in the configuration: a host name or a numeric address, and a port.
/// Nothing is resolved before [#toSocketAddress()].
///
/// @param host name, IPv4 address, or IPv6 address without its brackets
/// @param port 1 to 65535
public record HostPort(String host, int port) {
    private static final Pattern FORM =
            Pattern.compile("(?:\\[([0-9A-Fa-f:.%]+)]|([0-9A-Za-z._-]+)):([0-9]{1,5})");
    private static final int MAX_PORT = 65_535;

    public HostPort {
        Objects.requireNonNull(host, "host");
        if (host.isEmpty() || port < 1 || port > MAX_PORT) {
            throw new IllegalArgumentException("not a host and port: " + host + ":" + port);
        }
    }

    /// Reads `host:port` or `[ipv6]:port`.
    ///
    /// @return null if the text has another form or the port is out of range
    public static @Nullable HostPort parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        int port = Integer.parseInt(matcher.group(3));
        if (port < 1 || port > MAX_PORT) {
            return null;
        }
        String bracketed = matcher.group(1);
        return new HostPort(bracketed != null ? bracketed : matcher.group(2), port);
    }

    /// Whether a socket bound here listens on every interface.
    public boolean isWildcard() {
        return host.equals("0.0.0.0") || host.equals("::");
    }

    /// Whether this is an address that only this machine can reach. Decided by the text: a name other
    /// than `localhost` counts as reachable from elsewhere.
    public boolean isLoopback() {
        return host.startsWith("127.")
                || host.equals("::1")
                || host.toLowerCase(Locale.ROOT).equals("localhost");
    }

    /// Whether sockets bound to both addresses would collide: the same port on the same host, or on
    /// any host if one of them is a wildcard.
    public boolean collidesWith(HostPort other) {
        return port == other.port
                && (host.equalsIgnoreCase(other.host) || isWildcard() || other.isWildcard());
    }

    /// The address for a socket; resolves the host name.
    public InetSocketAddress toSocketAddress() {
        return new InetSocketAddress(host, port);
    }

    /// The form that [#parse(String)] reads.
    @Override
    public String toString() {
        return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
}

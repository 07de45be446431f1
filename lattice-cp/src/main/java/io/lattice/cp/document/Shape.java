package io.lattice.cp.document;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// What a text in a document looks like.
///
/// @param accepts the texts that do
/// @param allowed the same for people
record Shape(Predicate<String> accepts, String allowed) {
    static final Shape NAME =
            new Shape(
                    matching("[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
                    "1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit");
    static final Shape IDENTITY =
            new Shape(
                    matching("\\S(.{0,253}\\S)?"),
                    "1 to 255 characters, none but inner ones blank");
    static final Shape SERVER_NAME =
            new Shape(
                    matching("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"), "a host name in lower case");
    static final Shape ADDRESS =
            new Shape(
                    Shape::isAddress,
                    "host:port that the other nodes can dial, the port 1 to 65535");
    static final Shape URL = new Shape(Shape::isUrl, "http://host:port or https://host:port");

    boolean matches(String text) {
        return accepts.test(text);
    }

    private static Predicate<String> matching(String pattern) {
        return Pattern.compile(pattern).asMatchPredicate();
    }

    private static boolean isAddress(String text) {
        try {
            URI uri = new URI("raft://" + text);
            String host = uri.getHost();
            return host != null
                    && uri.getUserInfo() == null
                    && uri.getRawPath().isEmpty()
                    && uri.getQuery() == null
                    && uri.getFragment() == null
                    && !host.equals("0.0.0.0")
                    && !host.equals("[::]")
                    && isPort(uri.getPort());
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private static boolean isUrl(String text) {
        try {
            URI uri = new URI(text);
            return ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && uri.getHost() != null
                    && uri.getUserInfo() == null
                    && uri.getRawPath().isEmpty()
                    && uri.getQuery() == null
                    && uri.getFragment() == null
                    && isPort(uri.getPort());
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private static boolean isPort(int port) {
        return port >= 1 && port <= 65_535;
    }
}

using System.Collections.Generic;

namespace Sonoran.Events
{
    /// <summary>The options as properties, each with what sonoran.h says of it; a test compares the two.</summary>
    public sealed partial class SonoranOptions
    {
        /// <summary>required, not empty</summary>
        public string CommunityId { get { return Text("communityId"); } set { Set("communityId", value); } }

        /// <summary>required, not empty</summary>
        public string ApiKey { get { return Text("apiKey"); } set { Set("apiKey", value); } }

        /// <summary>0 to 2147483647, or the same as a string of digits; absent or null: the session can send but gets no pushes</summary>
        public int? ServerId { get { return Number("serverId"); } set { Set("serverId", value); } }

        /// <summary>http, https, ws or wss (default https://api.sonorancad.com/apiWsHub). All spellings of one hub are the same: http and ws, https and wss, letter case of scheme and host, a default port, a dot after the host, a fragment</summary>
        public string Url { get { return Text("url"); } set { Set("url", value); } }

        /// <summary>"production" (default) or "development" (the staging hub); not with url</summary>
        public string Mode { get { return Text("mode"); } set { Set("mode", value); } }

        /// <summary>"auto" (default), "authenticate" or "authenticatev2"; "auto" tries the first, and the second if the hub does not know the first or its arguments</summary>
        public string AuthMethod { get { return Text("authMethod"); } set { Set("authMethod", value); } }

        /// <summary>false (default), or true: ask the hub for an id before each connection, and go where it sends the session, as Azure SignalR Service does; see CONNECTING</summary>
        public bool? Negotiate { get { return Flag("negotiate"); } set { Set("negotiate", value); } }

        /// <summary>Default 15000; 100 to 300000; DNS, TCP, the proxy, TLS, the negotiation and the HTTP upgrade together. If an address does not accept within 250 ms, or does not speak within 3 s (or a quarter of this time), the next one is tried beside it</summary>
        public int? ConnectTimeoutMs { get { return Number("connectTimeoutMs"); } set { Set("connectTimeoutMs", value); } }

        /// <summary>Default 15000; 100 to 300000</summary>
        public int? HandshakeTimeoutMs { get { return Number("handshakeTimeoutMs"); } set { Set("handshakeTimeoutMs", value); } }

        /// <summary>Default 30000; 100 to 600000; authentication and hub calls</summary>
        public int? CallTimeoutMs { get { return Number("callTimeoutMs"); } set { Set("callTimeoutMs", value); } }

        /// <summary>Default 15000; 100 to 600000; a ping goes out if nothing else did</summary>
        public int? KeepAliveMs { get { return Number("keepAliveMs"); } set { Set("keepAliveMs", value); } }

        /// <summary>Default 30000; 200 to 3600000, at least keepAliveMs; the link ends after this long without a record from the hub, or without the hub taking what is sent. The time that a suspended process stands still does not count</summary>
        public int? ServerTimeoutMs { get { return Number("serverTimeoutMs"); } set { Set("serverTimeoutMs", value); } }

        /// <summary>Default 1000; 10 to 3600000; see RECONNECTING</summary>
        public int? RetryMinMs { get { return Number("retryMinMs"); } set { Set("retryMinMs", value); } }

        /// <summary>Default 60000; 10 to 3600000; see RECONNECTING</summary>
        public int? RetryMaxMs { get { return Number("retryMaxMs"); } set { Set("retryMaxMs", value); } }

        /// <summary>Default 30000; 0 to 3600000; see RECONNECTING</summary>
        public int? StableMs { get { return Number("stableMs"); } set { Set("stableMs", value); } }

        /// <summary>Default 30000; 1000 to 86400000; see RECONNECTING</summary>
        public int? AuthRetryMinMs { get { return Number("authRetryMinMs"); } set { Set("authRetryMinMs", value); } }

        /// <summary>Default 300000; 1000 to 86400000; see RECONNECTING</summary>
        public int? AuthRetryMaxMs { get { return Number("authRetryMaxMs"); } set { Set("authRetryMaxMs", value); } }

        /// <summary>Default 65536; 1 to 16777216</summary>
        public int? QueueEvents { get { return Number("queueEvents"); } set { Set("queueEvents", value); } }

        /// <summary>Default 67108864; 1024 to 2147483647</summary>
        public int? QueueBytes { get { return Number("queueBytes"); } set { Set("queueBytes", value); } }

        /// <summary>Default 16777216; 1024 to 1073741824; the largest record the hub may send</summary>
        public int? MaxMessageBytes { get { return Number("maxMessageBytes"); } set { Set("maxMessageBytes", value); } }

        /// <summary>Default 250; 200 to 60000; see sonoran_send_unit_locations</summary>
        public int? UnitIntervalMs { get { return Number("unitIntervalMs"); } set { Set("unitIntervalMs", value); } }

        /// <summary>"keep" (default), or "strip": remove a push's top-level `key`</summary>
        public string EventKey { get { return Text("eventKey"); } set { Set("eventKey", value); } }

        /// <summary>array of the types of pushes to get, in any letter case (default: all). A type with a `!` before it is left out: ["!EVENT_STATION_ALERT"]. A push inside a SESSION_PUSH has that type; the library's other events always come</summary>
        public IEnumerable<string> Types { get { return _types; } set { SetTypes(value); } }

        /// <summary>a name of at most 256 bytes (default ""); see SEVERAL READERS</summary>
        public string Reader { get { return Text("reader"); } set { Set("reader", value); } }

        /// <summary>true (default), or false: refuse a second open session for one url, community, server and reader; a session that has ended is replaced all the same</summary>
        public bool? Replace { get { return Flag("replace"); } set { Set("replace", value); } }

        /// <summary>Default 300000; 0 (never), or 1000 to 86400000</summary>
        public int? IdleCloseMs { get { return Number("idleCloseMs"); } set { Set("idleCloseMs", value); } }

        /// <summary>path of a PEM file of at most 4 MiB: additional authorities, or the hub's own certificate</summary>
        public string CaFile { get { return Text("caFile"); } set { Set("caFile", value); } }

        /// <summary>false (default), or true: do not verify the hub's certificate</summary>
        public bool? InsecureTls { get { return Flag("insecureTls"); } set { Set("insecureTls", value); } }

        /// <summary>http://host:port or socks5://host:port, with user:password@ before the host if the proxy wants to know who asks; see CONNECTING</summary>
        public string Proxy { get { return Text("proxy"); } set { Set("proxy", value); } }

        /// <summary>object of additional HTTP headers for the negotiation and the upgrade</summary>
        public IDictionary<string, string> Headers { get { return _headers; } set { SetHeaders(value); } }

        /// <summary>"off" (default), "error", "warn", "info" or "debug": SESSION_LOG events</summary>
        public string Log { get { return Text("log"); } set { Set("log", value); } }
    }
}

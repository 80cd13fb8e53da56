using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using CitizenFX.Core.Native;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>The server's convars. They share the SonoranCAD resource's names where it has them.</summary>
    internal sealed class Settings
    {
        /// <summary>What sonorancad.cfg sets sonoran_apiKey to until SonoranCAD puts the key there.</summary>
        private const string Placeholder = "protection_initialized";

        /// <summary>How long a session stays open with nobody polling: longer than a restart, shorter than a server owner's patience.</summary>
        private const int IdleCloseMs = 60000;

        internal string CommunityId, ApiKey, Mode, Options, LibraryPath;
        internal IList<int> ServerIds;
        internal bool Singly, SendEnabled;

        /// <summary>The server that SonoranCAD is configured for.</summary>
        internal int CadServerId;

        /// <summary>What is missing or wrong, as a sentence for the console; null when nothing is.</summary>
        internal string Problem;

        internal static Settings Read()
        {
            var settings = new Settings
            {
                CommunityId = Convar("sonoran_communityID"),
                ApiKey = Convar("sonoran_apiKey"),
                Mode = Convar("sonoran_mode"),
                Options = Convar("sonoran_options"),
                LibraryPath = Convar("sonoran_library"),
                Singly = IsTrue(Convar("sonoran_singleEvents"), true),
                SendEnabled = IsTrue(Convar("sonoran_apiSendEnabled"), true),
            };
            settings.Check(Convar("sonoran_serverId"), Convar("sonoran_serverIds"));
            return settings;
        }

        /// <param name="serverId">A single number, which SonoranCAD reads too.</param>
        /// <param name="serverIds">Several servers, or null for that one.</param>
        private void Check(string serverId, string serverIds)
        {
            var missing = new List<string>();
            if (CommunityId == null) missing.Add("sonoran_communityID");
            if (ApiKey == null) missing.Add("sonoran_apiKey");
            if (serverId == null && serverIds == null) missing.Add("sonoran_serverId");
            if (missing.Count > 0)
            {
                Problem = "waiting for " + string.Join(", ", missing.ToArray()) + ": set it in server.cfg"
                    + (ApiKey != null ? "." : ", and where add_convar_permission protects sonoran_apiKey add: add_convar_permission "
                        + API.GetCurrentResourceName() + " read sonoran_apiKey");
                return;
            }
            if (ApiKey == Placeholder)
            {
                Problem = "waiting for sonoran_apiKey: it still holds " + Placeholder + ", which the sonorancad resource replaces by the key when it starts.";
                return;
            }
            ServerIds = new List<int>();
            if (serverId != null && !TryServer(serverId, out CadServerId))
            {
                Problem = "sonoran_serverId is \"" + serverId + "\": it must be the number of a server in your CAD, such as 1; several go into sonoran_serverIds.";
                return;
            }
            foreach (var part in (serverIds ?? serverId).Split(','))
            {
                int id;
                if (!TryServer(part, out id))
                {
                    Problem = "sonoran_serverIds is \"" + serverIds + "\": it must be the numbers of servers in your CAD, such as 1,2.";
                    return;
                }
                if (!ServerIds.Contains(id)) ServerIds.Add(id);
            }
            if (serverId == null) CadServerId = ServerIds[0];
            if (Options != null && !(Options.StartsWith("{", StringComparison.Ordinal) && Options.EndsWith("}", StringComparison.Ordinal)))
                Problem = "sonoran_options is no JSON object: write it as \"{\\\"log\\\":\\\"info\\\"}\", a backslash before each inner quote.";
        }

        /// <summary>The options of one server's session. The same settings give the same text, which identifies a restart.</summary>
        internal string SessionOptions(int serverId)
        {
            var options = new SonoranOptions
            {
                { "communityId", CommunityId }, { "apiKey", ApiKey }, { "serverId", serverId },
                { "mode", Mode == null ? null : Mode.ToLowerInvariant() },
                // Only SonoranCAD needs the key, and its stand-in adds it again.
                { "eventKey", Json.Raw(Options ?? "", "eventKey") == null ? "strip" : null },
            };
            if (Json.Raw(Options ?? "", "idleCloseMs") == null) options.Add("idleCloseMs", IdleCloseMs);
            var own = options.ToJson();
            var further = Options == null ? "" : Options.Substring(1, Options.Length - 2).Trim();
            return further == "" ? own : own.Substring(0, own.Length - 1) + "," + further + "}";
        }

        private static bool TryServer(string text, out int id)
        {
            return int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out id);
        }

        /// <summary>A convar's value, or null. A convar that this resource may not read looks unset.</summary>
        private static string Convar(string name)
        {
            var value = API.GetConvar(name, "").Trim();
            return value == "" ? null : value;
        }

        private static bool IsTrue(string value, bool otherwise)
        {
            if (value == null) return otherwise;
            return new[] { "true", "1", "on", "yes" }.Contains(value.ToLowerInvariant());
        }
    }
}

// Stands for SonoranCAD's own script of this name, which holds a session with the CAD.
exports('sendUnitLocations', async () => true);
